package report

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", .000189: "0.000189", .00012345: "0.000123", .5: "0.500", 29.391: "29.4", 1234.5: "1234", 1: "1", .001: "0.001", 3.2e-7: "3.2e-7",
		2.5e9: "2.5e9", -.0345: "-0.0345", math.Inf(1): "no number", 100: "100",
	} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	for n, want := range map[float64]string{512: "512 bytes", 1536: "1.50 KiB", 3 << 30: "3 GiB"} {
		if got := amount(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
}

func TestEvenly(t *testing.T) {
	for want, all := range map[string][]float64{"4.0 4.5 5.0 5.5": {4, 4.5, 5, 5.5}, "0 200 400": {0, 200, 400}, "2 4 6": {2, 4, 6.000000000001}, "-0.25 0.00 0.25": {-.25, 0, .25}} {
		if got := strings.Join(evenly(all), " "); got != want {
			t.Errorf("%v: %s, want %s", all, got, want)
		}
	}
}

func TestDecades(t *testing.T) {
	s := newDecades([]float64{.0002, .3, 0, -1e-12}, 400, 20, 26)
	if !s.rung || s.zero != 400 || s.at(0) != 400 || s.at(math.NaN()) != 400 {
		t.Errorf("zero is at %v of %+v", s.at(0), s)
	}
	if got := s.ticks(); !slices.Equal(got, []int{-3, -2, -1}) {
		t.Errorf("ticks %v", got)
	}
	if a, b, c := s.at(.0002), s.at(.01), s.at(.3); !(374 > a && a > b && b > c && c > 20) {
		t.Errorf("%v %v %v do not rise", a, b, c)
	}
	if s = newDecades(nil, 400, 20, 26); len(s.ticks()) == 0 || s.rung {
		t.Errorf("without values %+v", s)
	}
	if s = newDecades([]float64{.5, .5}, 400, 20, 26); len(s.ticks()) == 0 {
		t.Errorf("of one value %+v", s)
	}
}

// TestPlace crowds labels: those that are placed meet nothing, and the first ones are.
func TestPlace(t *testing.T) {
	var labels []label
	var taken []box
	for i := range 40 {
		x, y := 100+float64(i%5)*6, 100+float64(i/5)*6
		labels = append(labels, label{words: "q4_0+attn/turbo4", x: x, y: y})
		taken = append(taken, box{x - 4, y - 4, 8, 8})
	}
	frame := box{0, 0, 600, 400}
	place(labels, taken, frame)
	placed := 0
	for i, l := range labels {
		if !l.placed {
			continue
		}
		placed++
		if l.box.x < 0 || l.box.x+l.box.w > frame.w || meetsAny(l.box, taken) {
			t.Errorf("label %d at %+v", i, l.box)
		}
		for k, m := range labels[:i] {
			if m.placed && m.box.meets(l.box) {
				t.Errorf("labels %d and %d meet", i, k)
			}
		}
	}
	if placed < 8 || !labels[0].placed {
		t.Errorf("%d of %d placed", placed, len(labels))
	}
}

func TestSpread(t *testing.T) {
	at := []float64{10, 11, 12, 90}
	spread(at, 15, 5, 100)
	for i, v := range at {
		if v < 5 || v > 100 || i > 0 && v-at[i-1] < 15 {
			t.Errorf("%v", at)
		}
	}
}

// TestFront looks for cells that another one beats in both.
func TestFront(t *testing.T) {
	cells := cellsOf(&fixture().Result.Tables[0])
	best := front(cells)
	for i, b := range best {
		if i > 0 && (b.BitsPerValue <= best[i-1].BitsPerValue || b.KLD.Mean >= best[i-1].KLD.Mean) {
			t.Errorf("%s after %s", b.Name, best[i-1].Name)
		}
		for _, c := range cells {
			if c.BitsPerValue <= b.BitsPerValue && c.KLD.Mean < b.KLD.Mean {
				t.Errorf("%s is on the line, and %s better and no larger", b.Name, c.Name)
			}
		}
	}
	if len(best) < 3 || len(best) == len(cells) {
		t.Errorf("%d of %d on the line", len(best), len(cells))
	}
}
