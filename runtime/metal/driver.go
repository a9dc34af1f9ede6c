package metal

import (
	"github.com/kvgen/kvgen/kernels/metal"
	"github.com/kvgen/kvgen/runtime/gpu"
)

// name is that of the driver and of its folders.
const name = "metal"

// Driver is Apple's GPUs.
var Driver = &gpu.Driver{
	Name:       name,
	Title:      "Metal",
	Generation: "family",
	Settings: []gpu.Setting{{
		Name:  "metal-source",
		Usage: "`folder` with files of kernels, .metal and .metalh, that stand in the place of those of the program",
		File:  true,
	}},
	Open: func(number int, o gpu.Options) (gpu.Device, error) {
		more := o.More
		if dir := o.Settings["metal-source"]; dir != "" {
			own, err := readSource(dir, more, o.Notice)
			if err != nil {
				return nil, err
			}
			more = own
		}
		d, err := open(number)
		if err != nil {
			return nil, err
		}
		d.more = more
		return d, nil
	},
	Dialect: NewDialect,
}

// NewDialect is Metal's device text; more finds the structs of types and transforms that are not
// those of the table, nil for none.
func NewDialect(more gpu.Text) *gpu.Dialect {
	d := gpu.NewDialect(name, ".metal", ".metalh", metal.Files, more)
	d.Constant = "static constant constexpr const"
	return d
}

// Dialect is Metal's device text, with what the device was opened with.
func (d *Device) Dialect() *gpu.Dialect { return NewDialect(d.more) }
