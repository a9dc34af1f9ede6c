package cuda

import "github.com/kvgen/kvgen/runtime/gpu"

// name is that of the driver and of its folders.
const name = "cuda"

// Driver is NVIDIA's GPUs.
var Driver = &gpu.Driver{
	Name:       name,
	Title:      "CUDA",
	Generation: "compute capability",
	Settings: []gpu.Setting{{
		Name:  "nvrtc",
		Usage: "`file` of NVRTC, which compiles kernels for a GPU, or none for those alone that come with the program (default: where it usually is)",
		Words: []string{NoCompiler},
		File:  true,
	}},
	Open: func(number int, o gpu.Options) (gpu.Device, error) {
		d, err := open(number)
		if err != nil {
			return nil, err
		}
		d.more, d.Compiler.Notice = o.More, o.Notice
		if file := o.Settings["nvrtc"]; file != "" {
			d.Compiler.Use(file)
		}
		return d, nil
	},
	Dialect: NewDialect,
}
