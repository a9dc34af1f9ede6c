package lab

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/kvgen/kvgen/runtime/kv"
)

// Job is cells on one chunk of a task, with the reference that they are compared with: what one
// process runs at a time. Tasks and cells are meant by their numbers in the sweep, from 0.
type Job struct {
	Task  int   `json:"task"`
	Chunk int   `json:"chunk"`
	Cells []int `json:"cells"`
}

// Score is the scored positions of a cell in one chunk of a task. Cell is Reference for those of
// the reference, which have NLL alone.
type Score struct {
	Task  int
	Chunk int
	Cell  int
	Positions
}

// Sweep is what a journal has of tasks and cells, and what it still lacks. Whoever runs the jobs
// adds their scores.
type Sweep struct {
	j        *Journal
	tasks    []Task
	cells    []Cell
	numbers  []int // of cells in the journal
	settings []int // of tasks in the journal
	chunks   []int // of each task
}

// NewSweep finds the tasks and cells in the journal, and adds those that are new. chunks is how
// many of each task are run at most, 0 for all. After an error the Sweep has a Result still.
func NewSweep(tasks []Task, cells []Cell, chunks int, j *Journal) (*Sweep, error) {
	s := &Sweep{j: j, tasks: tasks, cells: cells}
	return s, s.enter(chunks)
}

// Chunks is how many chunks of each task are run.
func (s *Sweep) Chunks() []int { return slices.Clone(s.chunks) }

// Settings are those of the tasks.
func (s *Sweep) Settings() (all []Setting) {
	for _, t := range s.tasks {
		all = append(all, t.Setting)
	}
	return all
}

// Jobs are what the journal lacks, in parts of so many cells at most; 0 is no bound. Which part a
// cell is in does not depend on what is there already.
func (s *Sweep) Jobs(most int) (jobs []Job) {
	if most == 0 {
		most = len(s.cells)
	}
	for i := range s.tasks {
		for k := range s.chunks[i] {
			for lo := 0; lo < len(s.cells); lo += most {
				var missing []int
				for c := lo; c < min(lo+most, len(s.cells)); c++ {
					if _, done := s.j.chunks[chunkKey{s.settings[i], s.numbers[c], k}]; !done {
						missing = append(missing, c)
					}
				}
				if missing != nil {
					jobs = append(jobs, Job{i, k, missing})
				}
			}
		}
	}
	return jobs
}

// Add adds scores to the journal, the reference's before those of cells. A score that is there
// already must be the same.
func (s *Sweep) Add(scores ...Score) error {
	var lines []chunkLine
	for _, x := range scores {
		if !s.Asks(x) {
			return fmt.Errorf("a score of task %d, chunk %d, cell %d, which the sweep does not have", x.Task, x.Chunk, x.Cell)
		}
		c := chunkLine{Setting: s.settings[x.Task], Cell: x.Cell, Chunk: x.Chunk, Positions: x.Positions}
		if x.Cell != Reference {
			c.Cell = s.numbers[x.Cell]
			plan := s.cells[x.Cell].Plan
			c.Bits = plan.BitsPerValue(cmp.Or(s.j.Header.BudgetContext, s.tasks[x.Task].Context))
			c.Bytes = c.Bits / 8 * float64(plan.Values())
		}
		if was, ok := s.j.chunks[c.key()]; ok {
			if !was.Equal(c.Positions) {
				return fmt.Errorf("%s, chunk %d of %s: two runs gave different scores, which must not depend on the machine", s.name(x.Cell), x.Chunk, s.tasks[x.Task].Corpus.Path)
			}
			continue
		}
		if err := s.j.check(c); err != nil {
			return err
		}
		s.j.chunks[c.key()] = c
		lines = append(lines, c)
	}
	return s.j.add(lines)
}

// Asks says whether the sweep has the task, chunk and cell of a score.
func (s *Sweep) Asks(x Score) bool {
	return x.Task >= 0 && x.Task < len(s.tasks) && x.Cell >= Reference && x.Cell < len(s.cells) && x.Chunk >= 0 && x.Chunk < s.chunks[x.Task]
}

// Has says whether the journal has a score.
func (s *Sweep) Has(task, chunk, cell int) bool {
	if cell != Reference {
		cell = s.numbers[cell]
	}
	_, ok := s.j.chunks[chunkKey{s.settings[task], cell, chunk}]
	return ok
}

// Finish records that all was run.
func (s *Sweep) Finish() error { return s.j.finish() }

// Result summarises the cells at the tasks.
func (s *Sweep) Result() *Result {
	result := &Result{Header: s.j.Header}
	b := &bootstrap{}
	for _, n := range s.settings {
		if n < 0 {
			continue // not entered
		}
		if t := s.j.table(b, n, s.numbers); t.Chunks > 0 {
			result.Tables = append(result.Tables, t)
		}
	}
	return result
}

func (s *Sweep) name(cell int) string {
	if cell == Reference {
		return "the reference"
	}
	return s.cells[cell].Name
}

// plans are those of the cells.
func (s *Sweep) plans() (all []*kv.Plan) {
	for _, c := range s.cells {
		all = append(all, c.Plan)
	}
	return all
}

// enter finds the numbers of settings and cells in the journal, and adds what is new.
func (s *Sweep) enter(chunks int) error {
	for i, c := range s.cells {
		for _, other := range s.cells[:i] {
			if other.Name == c.Name {
				return fmt.Errorf("two cells are called %s: names must differ", c.Name)
			}
		}
	}
	for _, p := range s.tasks { // find every mistake before the first line is written
		o := options(p.Setting, chunks)
		n, err := o.Count(p.Text)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Corpus.Path, err)
		}
		s.chunks = append(s.chunks, n)
	}
	for _, c := range s.cells {
		n, err := s.j.cell(c)
		if err != nil {
			return err
		}
		s.numbers = append(s.numbers, n)
	}
	for _, p := range s.tasks {
		n, err := s.j.setting(p.Setting)
		if err != nil {
			return err
		}
		s.settings = append(s.settings, n)
	}
	return s.add()
}

// add adds to the journal what is new.
func (s *Sweep) add() (err error) {
	for i, n := range s.numbers {
		if n < 0 {
			if s.numbers[i], err = s.j.addCell(s.cells[i]); err != nil {
				return err
			}
		}
	}
	for i, n := range s.settings {
		if n >= 0 {
			continue
		}
		// the same task may be named twice
		if n, err = s.j.setting(s.tasks[i].Setting); err == nil && n < 0 {
			n, err = s.j.addSetting(s.tasks[i].Setting)
		}
		if err != nil {
			return err
		}
		s.settings[i] = n
	}
	return nil
}

// Equal says whether both are the same bits.
func (p Positions) Equal(o Positions) bool {
	return bytes.Equal(p.NLL, o.NLL) && bytes.Equal(p.KLD, o.KLD) && bytes.Equal(p.Top, o.Top)
}
