package memory

import (
	"testing"
	"testing/fstest"
)

// TestCgroup reads limits of both versions, of groups above, and of containers.
func TestCgroup(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"none":                {nil, 0},
		"version 2":           {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "3000000\n"}, 3000000},
		"no limit":            {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		"the group above":     {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "5\n"}, 5},
		"the least":           {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "7\n", "sys/fs/cgroup/a/memory.max": "5\n"}, 5},
		"a container":         {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "4096\n"}, 4096},
		"with swap":           {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "4096\n", "sys/fs/cgroup/a/memory.swap.max": "96\n"}, 4192},
		"with any swap":       {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "4096\n", "sys/fs/cgroup/a/memory.swap.max": "max\n"}, 4096},
		"version 1":           {map[string]string{"proc/self/cgroup": "9:cpu:/x\n5:hugetlb,memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "123\n"}, 123},
		"version 1, no limit": {map[string]string{"proc/self/cgroup": "5:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"a path from outside": {map[string]string{"proc/self/cgroup": "5:memory:/docker/9f\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "77\n"}, 77},
		"both":                {map[string]string{"proc/self/cgroup": "5:memory:/a\n0::/b\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9\n", "sys/fs/cgroup/b/memory.max": "8\n"}, 8},
		"no number":           {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "-5\n"}, 0},
		"no lines":            {map[string]string{"proc/self/cgroup": "0\n::\n", "sys/fs/cgroup/memory.max": "1\n"}, 0},
		"out of the mount":    {map[string]string{"proc/self/cgroup": "0::/../../a\n", "sys/fs/cgroup/a/memory.max": "6\n"}, 6},
	} {
		root := fstest.MapFS{}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := cgroup(root); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}
