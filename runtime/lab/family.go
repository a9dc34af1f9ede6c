package lab

import "slices"

// Family is what models of one architecture have in common.
type Family struct {
	Arch   string   `json:"arch"`
	Models []string `json:"models"` // paths
	Advice
}

// Families says for each architecture what all of its models allow: a promise holds in every
// setting of every model, and the cost is that of the worst.
func Families(results []*Result) (all []Family) {
	merged := map[string]*Result{}
	for _, r := range results {
		arch := r.Model.Arch
		i := slices.IndexFunc(all, func(f Family) bool { return f.Arch == arch })
		if i < 0 {
			i = len(all)
			all = append(all, Family{Arch: arch})
			merged[arch] = &Result{Header: r.Header}
		}
		all[i].Models = append(all[i].Models, r.Model.Path)
		merged[arch].Tables = append(merged[arch].Tables, r.Tables...)
	}
	for i := range all {
		all[i].Advice = merged[all[i].Arch].Advise(nil)
	}
	return all
}
