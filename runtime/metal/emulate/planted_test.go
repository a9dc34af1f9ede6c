//go:build emulate

package emulate

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// defect is a mistake that was seen in kernels, or that the language's specification warns of.
type defect struct {
	name string
	// globals stand in front of the kernel, body is the kernel's
	globals, body string
	by            string // clang, compiler (g++, C++14), or emulation
	says          string // a part of the message
}

// beginning is that of every program. KERNEL, HERE and SHARED are words of simd.metalh, for which
// the emulation and clang have their own.
const beginning = "#include <metal_stdlib>\nusing namespace metal;\nstruct Args { device float* out; device const float* in; int n; };\n"

func (d defect) program() string {
	kernel := "KERNEL(run, Args, 64) {\n  HERE\n"
	if strings.Contains(d.body, "shared[") {
		kernel = "KERNEL_SHARED(run, Args, 64) {\n  HERE\n"
	}
	return beginning + d.globals + "\n" + kernel + d.body + "\n}\n"
}

var defects = []defect{
	// What Apple's compiler refuses.
	{"device memory as threadgroup memory", "static float f(threadgroup const float* p) { return p[0]; }", "p.out[t] = f(p.in);", "clang", "no matching function"},
	{"threadgroup memory as device memory", "static float f(device const float* p) { return p[0]; }", "SHARED float s[64]; s[t] = 1; p.out[t] = f(s);", "clang", "no matching function"},
	{"a lane's own memory as device memory", "static float f(device const float* p) { return p[0]; }", "float v[2] = {1, 2}; p.out[t] = f(v);", "clang", "no matching function"},
	{"a pointer takes another memory", "", "SHARED float s[64]; device float* q = s; p.out[t] = q[0];", "clang", "cannot initialize"},
	{"memory cast to another", "", "SHARED float s[64]; device float* q = (device float*)s; p.out[t] = q[0];", "clang", "mismatching"},
	{"constant memory written", "constant float k[2] = {1, 2};", "k[0] = 3; p.out[t] = k[0];", "clang", "read-only"},
	{"arguments written", "", "p.n = 3; p.out[t] = 0;", "clang", "const"},
	{"f64", "", "double d = p.in[t]; p.out[t] = (float)d;", "clang", "no_such_type"},
	{"a shared variable of a function", "static float f(int t) { SHARED float s[64]; s[t] = 1; return s[t]; }", "p.out[t] = f(t);", "clang", "kernel function"},
	{"a global variable", "float total = 0;", "total += 1; p.out[t] = total;", "compiler", "total"},
	{"an instruction of another machine", "", "p.out[t] = __shfl_xor_sync(~0u, p.in[t], 1);", "clang", "undeclared"},
	{"a function of another library", "", "p.out[t] = expf(p.in[t]);", "clang", "undeclared"},
	{"a pointer to a function", "static float f(float v) { return v; }", "float (*g)(float) = f; p.out[t] = g(p.in[t]);", "clang", "function"},
	{"a virtual function", "struct A { virtual float f() { return 1; } };", "A a; p.out[t] = a.f();", "clang", "virtual"},
	{"memory of the heap", "", "float* v = new float[2]; p.out[t] = v[0];", "clang", "new"},
	{"an exception", "", "if (p.n < 0) throw 1; p.out[t] = 0;", "clang", "exception"},
	{"an array of a size at run time", "", "float v[p.n]; v[0] = 1; p.out[t] = v[0];", "clang", "constant expression"},
	{"a field with a word of the language", "struct B { int upper, half; };", "B b = {1, 2}; p.out[t] = (float)b.upper;", "clang", "expected"},
	{"a vector takes another kind", "", "const float4 v = {1, 2, 3, 4}; const int4 w = v; p.out[t] = (float)w.x;", "clang", "cannot initialize"},
	{"a matrix of another kind is loaded", "", "SHARED float s[64]; s[t] = 0; simdgroup_half8x8 m; simdgroup_load(m, s, 8); p.out[t] = 0;", "clang", "no matching function"},
	{"a plain number takes part in atomics", "", "SHARED uint s; atomic_fetch_add_explicit(&s, 1u, memory_order_relaxed); p.out[t] = 0;", "clang", "no matching function"},
	{"text printed", "", "printf(\"%d\", t); p.out[t] = 0;", "clang", "printf"},
	{"if constexpr of C++17", "", "if constexpr (sizeof(int) == 4) p.out[t] = 0;", "compiler", "constexpr"},
	{"an assertion without words", "static_assert(sizeof(int) == 4);", "p.out[t] = 0;", "compiler", "static_assert"},
	{"a hexadecimal float", "", "p.out[t] = 0x1p-3f;", "compiler", "exponent"},

	// What it takes, and what is wrong at run time.
	{"a write behind a buffer", "", "p.out[t + p.n] = 0;", "emulation", "write"},
	{"a read before a buffer", "", "p.out[t] = p.in[t - 8192];", "emulation", "read"},
	{"a tile at the end of a buffer, whole", "", "float s = 0; for (int i = 0; i < 2048; i++) s += p.in[(long)t * 2048 + i]; p.out[t] = s;", "emulation", "read"},
	{"an address that was never set", "", "device float* none = nullptr; p.out[t] = none[t];", "emulation", "null"},
	{"a barrier that half the threads come to", "", "if (t < 32) threadgroup_barrier(mem_flags::mem_threadgroup); p.out[t] = 0;", "emulation", "barrier"},
	{"threads that leave before a barrier", "", "if (t >= 40) return; threadgroup_barrier(mem_flags::mem_threadgroup); p.out[t] = 0;", "emulation", "wait at a barrier"},
	{"a sum over lanes in a branch", "", "float v = 1; if (lane < 7) v = simd_sum(v); p.out[t] = v;", "emulation", "group"},
	{"a shuffle where some lanes have left", "", "if (lane == 31) return; p.out[t] = simd_shuffle_xor(p.in[t], (ushort)1);", "emulation", "group"},
	{"lanes at different instructions", "", "float v = lane; if (lane < 16) v = simd_sum(v); else v = simd_max(v); p.out[t] = v;", "emulation", "different"},
	{"a matrix loaded by some lanes", "", "SHARED half s[64]; s[t] = (half)1.0f; group_sync(); simdgroup_half8x8 m; if (lane < 8) simdgroup_load(m, s, 8); p.out[t] = 0;", "emulation", "group"},
	{"an index outside a shared array", "", "SHARED float s[64]; s[t + p.n] = 1; p.out[t] = s[t];", "emulation", "array"},
	{"more dynamic memory than was set", "", "((threadgroup float*)shared)[4 * t] = 1; p.out[t] = shared[0];", "emulation", "write"},
	{"more threadgroup memory than there is", "", "SHARED float s[9000]; s[t * 100] = p.in[t]; group_sync(); p.out[t] = s[(t * 100 + 100) % 6400];", "emulation", "threadgroup memory"},
	{"a division by zero", "", "p.out[t] = (float)(7 / (p.n - 64));", "emulation", "division"},
	{"a read ahead of a missing barrier", "", "SHARED float s[64]; const float v = s[63 - t]; s[t] = 1; p.out[t] = v;", "emulation", "NaN"},
	{"a neighbour's number without a barrier", "", "SHARED float s[64]; s[t] = 1; p.out[t] = s[(t + 1) % 64];", "emulation", "NaN"},
	{"sums that begin with nothing", "", "SHARED float s[64]; s[t] += 1; p.out[t] = s[t];", "emulation", "NaN"},
}

// helpers are functions of simd.metalh that bodies call.
const helpers = "static inline void group_sync() { threadgroup_barrier(mem_flags::mem_threadgroup); }\n"

// caught says what a defect is found by, and what is said.
func (d defect) caught() (by, says string) {
	d.globals = helpers + d.globals
	text := d.program()
	if err := Refuse(text); err != nil {
		return "clang", err.Error()
	}
	p, err := Compile(text)
	if err != nil {
		return "compiler", err.Error()
	}
	const n = 64
	out, err := Alloc(4 * n)
	if err != nil {
		return "", err.Error()
	}
	defer Free(out)
	in, err := Alloc(4 * n)
	if err != nil {
		return "", err.Error()
	}
	defer Free(in)
	for i := range 4 * n {
		Bytes(in, 4*n)[i] = 0
	}
	args, err := Alloc(24)
	if err != nil {
		return "", err.Error()
	}
	defer Free(args)
	b := Bytes(args, 24)
	binary.NativeEndian.PutUint64(b, out)
	binary.NativeEndian.PutUint64(b[8:], in)
	binary.NativeEndian.PutUint32(b[16:], n)
	if err := p.Kernel("run").Launch(Launch{Groups: [3]uint32{1, 1, 1}, Threads: [3]uint32{n, 1, 1}, Buffers: []uint64{args}, Shared: []int{64}}); err != nil {
		return "emulation", err.Error()
	}
	for i := range n {
		if x := binary.NativeEndian.Uint32(Bytes(out, 4*n)[4*i:]); x&0x7fffffff > 0x7f800000 {
			return "emulation", fmt.Sprintf("value %d is NaN", i)
		}
	}
	return "", "nothing"
}

// needs skips the test where a program is missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("KVGEN_REQUIRE_CXX") != "" {
				t.Fatal(err)
			}
			t.Skipf("nothing is refused: there is no %s", name)
		}
	}
}

// TestPlanted holds each defect to what finds it, and a kernel without one to nothing.
func TestPlanted(t *testing.T) {
	needs(t, "clang", "g++")
	clean := defect{body: "SHARED float s[64]; s[t] = p.in[t]; group_sync(); p.out[t] = simd_sum(s[(t + 1) % 64]);"}
	if by, says := clean.caught(); by != "" {
		t.Fatalf("a kernel without a defect: %s: %s", by, says)
	}
	for _, d := range defects {
		if by, says := d.caught(); by != d.by || !strings.Contains(says, d.says) {
			t.Errorf("%s: found by %q, want %s: %s", d.name, by, d.by, says)
		}
	}
	t.Logf("%d defects", len(defects))
}
