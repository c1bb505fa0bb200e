"""A student learns from a teacher: losses, schedules, the training loop, the teacher outputs computed once."""
