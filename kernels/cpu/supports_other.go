//go:build !arm64

package cpu

import "github.com/klauspost/cpuid/v2"

// supports asks the processor.
func supports(f cpuid.FeatureID) bool { return cpuid.CPU.Supports(f) }
