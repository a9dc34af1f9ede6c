package cpu

import "testing"

// TestFrom names the instruction set that each kernel is really of, through two that lack some.
func TestFrom(t *testing.T) {
	decode := func([]float32, []byte) {}
	encode := func([]byte, []float32) {}
	matmul := func([]float32, int, []float32, int, int, []byte, int, int, int, *Workspace) {}
	portable := Impl{ISA: "generic", Encode: encode, Decode: decode, Matmul: matmul}
	middle := Impl{ISA: "middle", Decode: decode}.or(portable)
	best := Impl{ISA: "best", Matmul: matmul}.or(middle)
	for kernel, want := range map[string]string{"encode": "generic", "decode": "middle", "matmul": "best", "mix": "best"} {
		if got := best.From(kernel); got != want {
			t.Errorf("%s is from %s, want %s", kernel, got, want)
		}
	}
	if best.Encode == nil || best.Decode == nil || best.Mix != nil {
		t.Error("what is there is not what was taken")
	}
}
