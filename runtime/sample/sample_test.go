package sample

import (
	"math"
	"testing"
)

// halves is logits of probabilities .5, .25, .125, .0625 ...
func halves(n int) []float32 {
	l := make([]float32, n)
	for i := range l {
		l[i] = -float32(i) * math.Ln2
	}
	return l
}

// shares draws often and counts.
func shares(o Options, logits []float32) map[int32]float64 {
	s, got := New(o), map[int32]float64{}
	const n = 20000
	for range n {
		got[s.Draw(logits)] += 1. / n
	}
	return got
}

func TestRestrictions(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want map[int32]float64
	}{
		{"greedy", Options{}, map[int32]float64{0: 1}},
		{"top-k", Options{Temperature: 1, TopK: 2, TopP: 1}, map[int32]float64{0: 2. / 3, 1: 1. / 3}},
		{"top-k 1", Options{Temperature: 5, TopK: 1, TopP: 1}, map[int32]float64{0: 1}},
		{"top-p", Options{Temperature: 1, TopP: .8}, map[int32]float64{0: 4. / 7, 1: 2. / 7, 2: 1. / 7}},
		{"top-p at least one", Options{Temperature: 1, TopP: .01}, map[int32]float64{0: 1}},
		{"top-p of nothing", Options{Temperature: 1}, map[int32]float64{0: 1}},
		{"min-p", Options{Temperature: 1, TopP: 1, MinP: .4}, map[int32]float64{0: 2. / 3, 1: 1. / 3}},
		{"temperature", Options{Temperature: .5, TopK: 2, TopP: 1}, map[int32]float64{0: .8, 1: .2}},
		{"temperature comes last", Options{Temperature: 100, TopP: .6}, map[int32]float64{0: .5, 1: .5}},
	} {
		got := shares(c.o, halves(200))
		for id, p := range got {
			if math.Abs(p-c.want[id]) > .02 {
				t.Errorf("%s: token %d drawn %.3f of the time, want %.3f", c.name, id, p, c.want[id])
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d tokens drawn, want %d", c.name, len(got), len(c.want))
		}
	}
}

func TestRepeatPenalty(t *testing.T) {
	s := New(Options{Repeat: 2, RepeatLast: 2})
	logits := []float32{3, 2, -1}
	s.Accept(0)
	s.Accept(0) // counts once: 3/2 stays above nothing else
	if got := s.Draw(logits); got != 1 {
		t.Errorf("drew %d after token 0", got)
	}
	s.Accept(1)
	s.Accept(1) // token 0 is no longer recent
	if got := s.Draw(logits); got != 0 {
		t.Errorf("drew %d after token 1", got)
	}
	s = New(Options{Repeat: 10, RepeatLast: 1})
	s.Accept(0)
	if got := s.Draw([]float32{-1, -2}); got != 1 {
		t.Errorf("a negative logit became more probable by the penalty")
	}
}

func TestPresenceAndFrequency(t *testing.T) {
	s := New(Options{Presence: 1, Frequency: .5, RepeatLast: 4})
	for _, id := range []int32{0, 0, 0, 1} {
		s.Accept(id)
	}
	// 5 - 1 - 3*.5, 4 - 1 - .5, 2.6
	if got := s.Draw([]float32{5, 4, 2.6}); got != 2 {
		t.Errorf("drew %d", got)
	}
	if got := s.Draw([]float32{5.3, 4, 2.6}); got != 0 {
		t.Errorf("drew %d: a token that was there three times lost more than 2.5", got)
	}
}

func TestBias(t *testing.T) {
	for want, o := range map[int32]Options{
		1: {Bias: map[int32]float32{1: 3, 7: 100}}, // there is no token 7
		0: {Bias: map[int32]float32{1: 1}},
		2: {Bias: map[int32]float32{0: -100, 1: -100}, Temperature: .1, TopP: 1},
	} {
		if got := New(o).Draw([]float32{2, 0, -1}); got != want {
			t.Errorf("%+v: drew %d, want %d", o, got, want)
		}
	}
}

// TestAllowed draws nothing but what is allowed, whatever the other options are.
func TestAllowed(t *testing.T) {
	logits := halves(200)
	logits[130] = float32(math.NaN())
	allowed := make([]uint64, 4)
	for _, id := range []int{70, 130, 199} {
		allowed[id/64] |= 1 << (id % 64)
	}
	allowed[3] |= 1 << 63 // beyond the vocabulary
	for _, o := range []Options{{}, {Temperature: 1, TopP: 1}, {Temperature: 100, TopK: 2, TopP: 1}, {Bias: map[int32]float32{3: 50}}, {Repeat: 2, RepeatLast: 4, Presence: 9}} {
		s, seen := New(o), map[int32]bool{}
		for range 200 {
			id, ok := s.DrawAllowed(logits, allowed)
			if !ok || id != 70 && id != 199 {
				t.Fatalf("%+v: drew %d, %v", o, id, ok)
			}
			seen[id] = true
			s.Accept(id)
		}
		if o.Temperature == 100 && len(seen) != 2 {
			t.Errorf("%+v: drew %v, both are nearly as probable", o, seen)
		}
	}
	s := New(Options{})
	if id, ok := s.DrawAllowed(logits, make([]uint64, 4)); ok {
		t.Errorf("nothing is allowed and %d was drawn", id)
	}
	if id, ok := s.DrawAllowed(logits, []uint64{0, 0, 1 << 2}); ok {
		t.Errorf("%d was drawn, whose logit is no number", id)
	}
}

func TestSeed(t *testing.T) {
	a, b, c := New(Options{Temperature: 1, TopP: 1, Seed: 7}), New(Options{Temperature: 1, TopP: 1, Seed: 7}), New(Options{Temperature: 1, TopP: 1, Seed: 8})
	same := true
	for range 50 {
		x := a.Draw(halves(20))
		if x != b.Draw(halves(20)) {
			t.Fatal("the same seed drew differently")
		}
		same = same && x == c.Draw(halves(20))
	}
	if same {
		t.Error("another seed drew the same 50 tokens")
	}
}

func TestOddLogits(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		logits []float32
		want   int32
	}{
		{[]float32{nan, 1, nan}, 1}, {[]float32{nan, nan}, 0}, {[]float32{-inf, -inf, 0}, 2}, {[]float32{-inf, nan}, 0},
		{[]float32{0, inf, 1, -inf}, 1}, {[]float32{5, nan, inf}, 2},
		{[]float32{-inf, 3e38, -3e38}, 1},
	} {
		for _, o := range []Options{{}, {Temperature: .8, TopP: 1}, {Temperature: .8, TopP: .95, MinP: .05, TopK: 2}, {Temperature: 1e-30, TopP: 1}} {
			for seed := range uint64(5) {
				o.Seed = seed
				if got := New(o).Draw(c.logits); got != c.want {
					t.Errorf("%v with %+v: drew %d, want %d", c.logits, o, got, c.want)
				}
			}
		}
	}
	if got := shares(Options{Temperature: 1, TopP: 1}, []float32{1, inf, 2, inf, -inf}); math.Abs(got[1]-.5) > .02 || math.Abs(got[3]-.5) > .02 {
		t.Errorf("of two infinite logits and others: %v", got)
	}
}

func TestCheck(t *testing.T) {
	good := Options{Temperature: .8, TopK: 40, TopP: .95, MinP: .05, Repeat: 1.1, RepeatLast: 64}
	for _, change := range []func(*Options){
		func(*Options) {}, func(o *Options) { o.Temperature = -1 }, func(o *Options) { o.TopK, o.TopP, o.MinP = 0, 0, 0 },
		func(o *Options) { o.TopP, o.MinP, o.RepeatLast = 1, 1, 0 },
	} {
		o := good
		if change(&o); o.Check() != nil {
			t.Errorf("%+v: %v", o, o.Check())
		}
	}
	inf, nan := math.Inf(1), math.NaN()
	for want, change := range map[string]func(*Options){
		"--top-k -1: want 1 or more, 0 for all":                      func(o *Options) { o.TopK = -1 },
		"--top-p -1: want 0 to 1":                                    func(o *Options) { o.TopP = -1 },
		"--top-p 2: want 0 to 1":                                     func(o *Options) { o.TopP = 2 },
		"--top-p NaN: want 0 to 1":                                   func(o *Options) { o.TopP = nan },
		"--min-p 2: want 0 to 1":                                     func(o *Options) { o.MinP = 2 },
		"--temp NaN: want a finite number, 0 for greedy":             func(o *Options) { o.Temperature = nan },
		"--temp +Inf: want a finite number, 0 for greedy":            func(o *Options) { o.Temperature = inf },
		"--repeat-penalty 0: want a number above 0, 1 for none":      func(o *Options) { o.Repeat = 0 },
		"--repeat-penalty +Inf: want a number above 0, 1 for none":   func(o *Options) { o.Repeat = inf },
		"--presence-penalty NaN: want a finite number, 0 for none":   func(o *Options) { o.Presence = nan },
		"--frequency-penalty +Inf: want a finite number, 0 for none": func(o *Options) { o.Frequency = inf },
		"the bias +Inf of token 3: want a finite number":             func(o *Options) { o.Bias = map[int32]float32{3: float32(inf)} },
		"--repeat-last-n -2: want 0 to 1048576":                      func(o *Options) { o.RepeatLast = -2 },
	} {
		o := good
		if change(&o); o.Check() == nil || o.Check().Error() != want {
			t.Errorf("got %v, want %s", o.Check(), want)
		}
	}
}
