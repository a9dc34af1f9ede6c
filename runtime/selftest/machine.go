package selftest

import (
	"runtime"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// Machine is what computed. Nothing in it names a person, a host or a path.
type Machine struct {
	CPU      string      `json:"cpu"`
	Vendor   string      `json:"cpu_vendor"`
	Features []string    `json:"cpu_features"`
	Physical int         `json:"physical_cores,omitempty"` // 0: the system does not say
	Logical  int         `json:"logical_cores"`
	Line     int         `json:"cache_line_bytes,omitempty"`
	L1D      int         `json:"l1d_bytes,omitempty"`
	L2       int         `json:"l2_bytes,omitempty"`
	L3       int         `json:"l3_bytes,omitempty"`
	Memory   uint64      `json:"memory_bytes,omitempty"`
	OS       string      `json:"os"`
	Kernel   string      `json:"os_version,omitempty"`
	Arch     string      `json:"arch"`
	Go       string      `json:"go"`
	GPU      *GPUMachine `json:"gpu,omitempty"`
}

// GPUMachine is a GPU and what drives it.
type GPUMachine struct {
	Name       string `json:"name"`
	Driver     string `json:"driver"`                // as --device names it
	Generation string `json:"generation"`            // in its maker's words
	Arch       string `json:"arch,omitempty"`        // what kernels are compiled for
	Cores      int    `json:"cores,omitempty"`       // multiprocessors
	CacheBytes int    `json:"cache_bytes,omitempty"` // of all cores
	Memory     uint64 `json:"memory_bytes,omitempty"`
}

// thisMachine asks the processor and the system.
func thisMachine() Machine {
	c := &cpuid.CPU
	m := Machine{CPU: strings.TrimSpace(c.BrandName), Vendor: strings.TrimSpace(c.VendorString), Features: c.FeatureSet(), Physical: c.PhysicalCores,
		Logical: runtime.NumCPU(), Line: max(0, c.CacheLine), L1D: max(0, c.Cache.L1D), L2: max(0, c.Cache.L2), L3: max(0, c.Cache.L3),
		OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
	m.Memory, m.Kernel = memoryBytes(), systemVersion()
	if m.CPU == "" {
		m.CPU = cpuModel()
	}
	return m
}
