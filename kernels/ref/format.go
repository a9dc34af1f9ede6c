package ref

// Format is one block format: Block values in Bytes bytes.
type Format struct {
	Name  string // the name used on command lines and in specs, such as "turbo3"
	ID    int    // number of the type in a GGUF tensor record
	Block int    // values per block
	Bytes int    // bytes per block

	// Encode writes len(src)/Block blocks; len(src) is a multiple of Block. It is nil for a format
	// that is only read.
	Encode func(dst []byte, src []float32)

	// Decode writes len(dst) values in the domain in which they are stored; len(dst) is a multiple
	// of Block.
	Decode func(dst []float32, src []byte)

	// Rotation is the transform that Encode applies and Decode leaves in place; its Size is 0 for a
	// plain format.
	Rotation Transform
}

// Restore decodes src into the domain that Encode was given: Decode followed by the inverse of
// Rotation.
func (f Format) Restore(dst []float32, src []byte) {
	f.Decode(dst, src)
	if f.Rotation.Size != 0 {
		f.Rotation.Inverse(dst)
	}
}

// RowBytes returns the size in bytes of n values; n is a multiple of Block.
func (f Format) RowBytes(n int) int { return n / f.Block * f.Bytes }

// Formats returns every format: plain floats, classic blocks, rotated cache types, weight types.
// The order is stable.
func Formats() []Format {
	return []Format{
		plain("f32", 0, 4, putF32, getF32),
		plain("f16", 1, 2, putF16, getF16),
		plain("bf16", 30, 2, putBF16, getBF16),
		blocks("q8_0", 8, 32, 34, encodeQ8, decodeQ8),
		blocks("q4_0", 2, 32, 18, encodeQ40, decodeQ40),
		blocks("q4_1", 3, 32, 20, encodeQ41, decodeQ41),
		blocks("q5_0", 6, 32, 22, encodeQ50, decodeQ50),
		blocks("q5_1", 7, 32, 24, encodeQ51, decodeQ51),
		blocks("iq4_nl", 20, 32, 18, encodeIQ4NL, decodeIQ4NL),
		turbo2.format("turbo2", -1),
		turbo3.format("turbo3", 43),
		turbo4.format("turbo4", 44),
		blocks("q2_K", 10, 256, 84, nil, decodeQ2K),
		blocks("q3_K", 11, 256, 110, nil, decodeQ3K),
		blocks("q4_K", 12, 256, 144, nil, decodeQ4K),
		blocks("q5_K", 13, 256, 176, nil, decodeQ5K),
		blocks("q6_K", 14, 256, 210, nil, decodeQ6K),
		blocks("iq4_xs", 23, 256, 136, nil, decodeIQ4XS),
		blocks("iq1_s", 19, 256, 50, nil, decodeIQ1S),
		blocks("iq1_m", 29, 256, 56, nil, decodeIQ1M),
		blocks("iq2_xxs", 16, 256, 66, nil, decodeIQ2XXS),
		blocks("iq2_xs", 17, 256, 74, nil, decodeIQ2XS),
		blocks("iq2_s", 22, 256, 82, nil, decodeIQ2S),
		blocks("iq3_xxs", 18, 256, 98, nil, decodeIQ3XXS),
		blocks("iq3_s", 21, 256, 110, nil, decodeIQ3S),
		blocks("tq1_0", 34, 256, 54, nil, decodeTQ10),
		blocks("tq2_0", 35, 256, 66, nil, decodeTQ20),
		blocks("q1_0", 41, 128, 18, nil, decodeQ10),
		blocks("q2_0", 42, 64, 18, nil, decodeQ20),
		blocks("nvfp4", 40, 64, 36, nil, decodeNVFP4),
		blocks("mxfp4", 39, 32, 17, nil, decodeMXFP4),
		tq3.format("tq3_1s", 45),
		tq4.format("tq4_1s", 46),
	}
}

// ByName returns the format with the given name, and whether there is one.
func ByName(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// plain makes a format of single values from the conversion of one value.
func plain(name string, id, size int, put func([]byte, float32), get func([]byte) float32) Format {
	return blocks(name, id, 1, size,
		func(b []byte, x []float32) { put(b, x[0]) },
		func(y []float32, b []byte) { y[0] = get(b) })
}

// blocks makes a format from the conversion of one block: encode gets n values and size zeroed
// bytes, decode the reverse.
func blocks(name string, id, n, size int, encode func(b []byte, x []float32), decode func(y []float32, b []byte)) Format {
	f := Format{Name: name, ID: id, Block: n, Bytes: size}
	if encode != nil {
		f.Encode = func(dst []byte, src []float32) {
			for len(src) > 0 {
				b := dst[:size]
				clear(b)
				encode(b, src[:n])
				dst, src = dst[size:], src[n:]
			}
		}
	}
	f.Decode = func(dst []float32, src []byte) {
		for len(dst) > 0 {
			decode(dst[:n], src[:size])
			dst, src = dst[n:], src[size:]
		}
	}
	return f
}
