//go:build !emulate || gpu

package cuda

import "errors"

// open opens a GPU of this machine. Compiled kernels are kept in the user's folder for caches.
func open(number int) (*Device, error) {
	d, err := Open(number)
	if err != nil {
		return nil, err
	}
	folder, err := UserFolder()
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.Compiler.Folder = folder
	return d, nil
}
