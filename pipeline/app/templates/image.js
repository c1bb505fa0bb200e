
/** The middle of a picture (an image, a video, a canvas), scaled to @@{width} x @@{height}: its raw values, @@{colours}. */
export function pixels(picture) {
  const wide = picture.naturalWidth ?? picture.videoWidth ?? picture.width;
  const high = picture.naturalHeight ?? picture.videoHeight ?? picture.height;
  const scale = Math.max(@@{width} / wide, @@{height} / high);
  const canvas = Object.assign(document.createElement('canvas'), { width: @@{width}, height: @@{height} });
  const context = canvas.getContext('2d', { colorSpace: 'srgb', willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  const [x, y] = [(@@{width} - wide * scale) / 2, (@@{height} - high * scale) / 2];
  context.drawImage(picture, x, y, wide * scale, high * scale);
  const { data } = context.getImageData(0, 0, @@{width}, @@{height});
  return Float32Array.from({ length: @@{width} * @@{height} * @@{channels} }, (_, i) => {
    const at = Math.floor(i / @@{channels}) * 4, [red, green, blue] = data.subarray(at, at + 3);
    return @@{channel};
  });
}
