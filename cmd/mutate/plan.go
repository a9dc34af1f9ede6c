package main

import "strings"

// A suite is one command that may notice a fault, run at the root of a clone.
type suite []string

func tests(args ...string) suite { return append(suite{"go", "test", "-failfast"}, args...) }

// plans are the suites of each folder, the quickest first. The first entry whose folder holds the
// file counts; its own package's tests run before them.
var plans = []struct {
	folder string
	suites []suite
}{
	// Most faults of the compiler change what it writes, which is committed.
	{"gen/spec", []suite{{"go", "run", "./cmd/kvgen", "check"}, tests("./gen"), tests("./cmd/kvgen"), tests("./cmd/kvrun", "-run", "Spec")}},
	{"gen/codebook", []suite{{"go", "run", "./cmd/kvgen", "check"}, tests("./cmd/kvgen")}},
	{"gen", []suite{{"go", "run", "./cmd/kvgen", "check"}, tests("./gen/..."), tests("./cmd/kvgen")}},
	{"kernels/ref", []suite{tests("./kernels/..."), tests("./cmd/kvrun", "-run", "Spec")}},
	{"kernels", []suite{tests("./kernels/..."), tests("./runtime/attention"), tests("./runtime/model")}},
	{"runtime/kv", []suite{tests("./runtime/attention"), tests("./runtime/model"), tests("./runtime/offset"), tests("./runtime/lab"), tests("./cmd/kvrun")}},
	{"runtime/attention", []suite{tests("./runtime/model"), tests("./cmd/kvrun")}},
	{"runtime/model", []suite{tests("./runtime/eval"), tests("./runtime/lab"), tests("./cmd/kvrun")}},
}

// suites are what runs against a fault in a file.
func suites(file string) []suite {
	own := tests("./" + file[:strings.LastIndex(file, "/")])
	for _, p := range plans {
		if strings.HasPrefix(file, p.folder+"/") {
			return append([]suite{own}, p.suites...)
		}
	}
	return []suite{own}
}
