
import CoreGraphics

/// The middle of a picture, scaled to @@{width} x @@{height}: its raw values, @@{colours}.
func pixels(_ picture: CGImage) -> [Float]? {
    let scale = max(@@{width} / CGFloat(picture.width), @@{height} / CGFloat(picture.height))
    let (wide, high) = (CGFloat(picture.width) * scale, CGFloat(picture.height) * scale)
    var bytes = [UInt8](repeating: 0, count: @@{width} * @@{height} * 4)
    let isDrawn = bytes.withUnsafeMutableBytes { memory -> Bool in
        guard let space = CGColorSpace(name: CGColorSpace.sRGB) else { return false }
        guard let context = CGContext(
            data: memory.baseAddress, width: @@{width}, height: @@{height}, bitsPerComponent: 8,
            bytesPerRow: @@{width} * 4, space: space, bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue
        ) else { return false }
        context.interpolationQuality = .high
        context.draw(picture, in: CGRect(x: (@@{width} - wide) / 2, y: (@@{height} - high) / 2, width: wide, height: high))
        return true
    }
    guard isDrawn else { return nil }
    return (0..<(@@{width} * @@{height} * @@{channels})).map { i in
        let at = i / @@{channels} * 4
        let (red, green, blue) = (Int(bytes[at]), Int(bytes[at + 1]), Int(bytes[at + 2]))
        return Float(@@{channel})
    }
}
