
/** The middle of a picture, scaled to @@{width} x @@{height}: its raw values, @@{colours}. */
fun pixels(picture: android.graphics.Bitmap): FloatArray {
    val scale = maxOf(@@{width}f / picture.width, @@{height}f / picture.height)
    val place = android.graphics.Matrix().apply {
        setScale(scale, scale)
        postTranslate((@@{width} - picture.width * scale) / 2, (@@{height} - picture.height * scale) / 2)
    }
    val sized = android.graphics.Bitmap.createBitmap(@@{width}, @@{height}, android.graphics.Bitmap.Config.ARGB_8888)
    val smooth = android.graphics.Paint(android.graphics.Paint.FILTER_BITMAP_FLAG)
    android.graphics.Canvas(sized).drawBitmap(picture, place, smooth)
    val colours = IntArray(@@{width} * @@{height})
    sized.getPixels(colours, 0, @@{width}, 0, 0, @@{width}, @@{height})
    return FloatArray(@@{width} * @@{height} * @@{channels}) { i ->
        val colour = colours[i / @@{channels}]
        val red = colour shr 16 and 255
        val green = colour shr 8 and 255
        val blue = colour and 255
        @@{channel}.toFloat()
    }
}
