package cpu

// wht is x = after * norm*H * before * x in place, H the Hadamard matrix in natural order and
// len(x) a power of two. The diagonals hold ±1 and may be nil.
//
// The order of the stages is part of every format that uses them: strides h = 1, 2, 4, ... n/2
// ascending, and in each stage every pair h apart becomes its sum and its difference.
//
//	h = 1: (0,1) (2,3) (4,5) ...    h = 2: (0,2) (1,3) (4,6) ...    h = 4: (0,4) (1,5) ...
func wht(x []float32, norm float32, before, after []float32) {
	for i, s := range before {
		x[i] *= s
	}
	for h := 1; h < len(x); h *= 2 {
		for lo := 0; lo < len(x); lo += 2 * h {
			even, odd := x[lo:lo+h], x[lo+h:lo+2*h]
			for i, a := range even {
				b := odd[i]
				even[i], odd[i] = a+b, a-b
			}
		}
	}
	if after == nil {
		for i := range x {
			x[i] = float32(x[i] * norm)
		}
		return
	}
	for i, s := range after {
		x[i] = float32(x[i] * (norm * s)) // norm*s is exactly ±norm
	}
}
