package cpu

import "github.com/kvgen/kvgen/kernels/abi"

// Impl is one type under one instruction set.
type Impl = abi.Impl

// Act holds activations rounded to int8.
type Act = abi.Act

// Workspace is scratch memory of kernels.
type Workspace = abi.Workspace

// TransformImpl is one transform under one instruction set. len(x) is a multiple of its size.
// Forward and Inverse give the same bits under every instruction set.
type TransformImpl struct {
	ISA              string
	Forward, Inverse func(x []float32)
}
