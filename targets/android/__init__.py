"""Android phones over adb: how they are reached, and what runs files there."""
