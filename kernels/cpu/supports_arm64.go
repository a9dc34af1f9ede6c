package cpu

import (
	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/cpu"
)

// supports asks what the system says of the processor: on Linux its hwcaps, on macOS sysctl, on
// Windows IsProcessorFeaturePresent. Package cpuid does not ask Windows.
func supports(f cpuid.FeatureID) bool {
	switch f {
	case cpuid.ASIMD: // Go runs on nothing less
		return true
	case cpuid.ASIMDDP:
		return cpu.ARM64.HasASIMDDP
	case cpuid.I8MM:
		return cpu.ARM64.HasI8MM
	}
	return cpuid.CPU.Supports(f)
}
