package serve

// drawnWeight is what a generated token counts, where one of a prompt counts 1: it costs a step of
// its own.
const drawnWeight = 2

// maxAccounts bounds the clients that are remembered while they have no text.
const maxAccounts = 4096

// account is what a client was served.
type account struct {
	client  string
	served  float64 // tokens, weighted
	waiting int     // texts in the queue
	running int
}

func (a *account) active() bool { return a.waiting+a.running > 0 }

// accounts is those of all clients that are there, and of some that were.
type accounts struct {
	all  map[string]*account
	left float64 // what the last to become inactive had
}

func (s *accounts) init() { s.all = map[string]*account{} }

// of is the account of a client.
func (s *accounts) of(client string) *account {
	a := s.all[client]
	if a == nil {
		if len(s.all) >= maxAccounts {
			s.prune()
		}
		a = &account{client: client}
		s.all[client] = a
	}
	return a
}

// prune forgets the clients who are not there. They begin again like those who are new.
func (s *accounts) prune() {
	for client, a := range s.all {
		if !a.active() {
			delete(s.all, client)
		}
	}
}

// wait notes that a text of a client waits. One who was not there begins no lower than those who
// are, or than the last who was.
func (s *accounts) wait(a *account) {
	if !a.active() {
		a.served = max(a.served, s.least())
	}
	a.waiting++
}

// least is the least of those who are there.
func (s *accounts) least() float64 {
	least, any := s.left, false
	for _, a := range s.all {
		if a.active() && (!any || a.served < least) {
			least, any = a.served, true
		}
	}
	return least
}

// ended notes that a client has a text less.
func (s *accounts) ended(a *account) {
	if !a.active() {
		s.left = a.served
	}
}
