package selftest

// planGPU holds a GPU to the processor.
func (r *run) planGPU() {
	for _, decode := range []bool{false, true} {
		kind := map[bool]string{false: "model, a prompt", true: "model, token by token"}[decode]
		r.add(Check{Kind: kind, ISA: r.GPU.About.Driver, Against: []string{"the processor"}}, func(c *Check) error {
			want, err := r.logits(r.Table, nil, decode)
			if err != nil {
				return err
			}
			got, err := r.logits(r.Table, r.GPU.Device, decode)
			if err != nil {
				return err
			}
			return near(c, got, want, modelBound)
		})
	}
}
