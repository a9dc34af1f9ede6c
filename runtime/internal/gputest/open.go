//go:build emulate || gpu

package gputest

import (
	"flag"
	"testing"

	"github.com/kvgen/kvgen/runtime/drivers"
	"github.com/kvgen/kvgen/runtime/gpu"
)

var (
	driver   = flag.String("device", drivers.All()[0].Name, "the driver of the GPU of tests")
	settings = driverFlags()
)

// driverFlags are flags for the settings of all drivers.
func driverFlags() map[string]*string {
	all := map[string]*string{}
	for _, d := range drivers.All() {
		for _, s := range d.Settings {
			all[s.Name] = flag.String(s.Name, "", s.Usage)
		}
	}
	return all
}

// Driver is the driver of the tests.
func Driver(t testing.TB) *gpu.Driver {
	t.Helper()
	for _, d := range drivers.All() {
		if d.Name == *driver {
			return d
		}
	}
	t.Fatalf("-device %s: there is no such driver", *driver)
	return nil
}

// Device is a GPU by its number.
func Device(t testing.TB, number int) (gpu.Device, error) {
	t.Helper()
	o := gpu.Options{Settings: map[string]string{}}
	for name, value := range settings {
		o.Settings[name] = *value
	}
	d, err := Driver(t).Open(number, o)
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

// Open is the device of a test.
func Open(t testing.TB) *gpu.Queue {
	t.Helper()
	return gpu.NewQueue(Must[gpu.Device](t)(Device(t, 0)))
}
