package gguf

// Stamp is what a file system says of an open file: another file, or the same one after a write,
// has another. Paths and the time of the last write alone would not do, since programs copy both;
// the time of the last change cannot be set.
type Stamp struct {
	Device  uint64 `json:"device"`
	Inode   uint64 `json:"inode"`
	Size    int64  `json:"size"`
	Written int64  `json:"written"` // nanoseconds since 1970
	Changed int64  `json:"changed"` // the same, of contents or of attributes
}

// Stamps returns the stamps of all files of the model. It returns false if none can be relied on:
// for a file in memory, or on a file system that is not local.
func (f *File) Stamps() ([]Stamp, bool) {
	var all []Stamp
	for _, p := range append([]*File{f}, f.parts...) {
		if p.os == nil {
			return nil, false
		}
		s, ok := stampOf(p.os)
		if !ok {
			return nil, false
		}
		all = append(all, s)
	}
	return all, true
}

// Path is where the file was opened, empty for one in memory.
func (f *File) Path() string {
	if f.os == nil {
		return ""
	}
	return f.os.Name()
}
