package report

import "math"

// box is a rectangle that is taken.
type box struct{ x, y, w, h float64 }

func (a box) meets(b box) bool {
	return a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h
}

// label is words beside a point.
type label struct {
	words  string
	x, y   float64 // of the point
	box    box     // where the words stand
	placed bool
	leader bool // a line leads from the point to lx, ly
	lx, ly float64
}

const (
	letter     = 6.7 // pixels of a letter of the labels' monospaced type
	lineHeight = 14.0
)

// place finds room for labels, the first ones first: they meet neither each other nor what is taken
// nor the frame. A label that fits nowhere is left out; its point still has a tooltip and a row in
// the table.
func place(labels []label, taken []box, frame box) {
	for i := range labels {
		l := &labels[i]
		w := letter*float64(len([]rune(l.words))) + 4
		for _, d := range []float64{9, 16, 26, 38, 52, 68} {
			for k := range 12 {
				// Beside and above-right first: that is where a reader looks.
				angle := []float64{0, 330, 30, 180, 210, 150, 300, 60, 240, 120, 270, 90}[k] * math.Pi / 180
				cx, cy := l.x+d*math.Cos(angle), l.y+d*math.Sin(angle)
				b := box{cx, cy - lineHeight/2, w, lineHeight}
				switch c := math.Cos(angle); {
				case c < -.3:
					b.x -= w
				case c < .3:
					b.x -= w / 2
				}
				if b.x < frame.x || b.x+b.w > frame.x+frame.w || b.y < frame.y || b.y+b.h > frame.y+frame.h || meetsAny(b, taken) {
					continue
				}
				l.box, l.placed = b, true
				l.leader, l.lx, l.ly = d > 16, cx, cy
				break
			}
			if l.placed {
				taken = append(taken, l.box)
				break
			}
		}
	}
}

func meetsAny(b box, taken []box) bool {
	for _, t := range taken {
		if b.meets(t) {
			return true
		}
	}
	return false
}

// spread moves sorted centres apart until each has room, as little as possible, within lo..hi.
func spread(centres []float64, room, lo, hi float64) {
	for i := range centres {
		centres[i] = max(centres[i], lo)
		if i > 0 {
			centres[i] = max(centres[i], centres[i-1]+room)
		}
	}
	for i := len(centres) - 1; i >= 0; i-- {
		centres[i] = min(centres[i], hi-room*float64(len(centres)-1-i))
	}
}
