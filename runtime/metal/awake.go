package metal

import (
	"time"

	"github.com/kvgen/kvgen/runtime/metal/objc"
)

// awake keeps the system from sleeping by itself, and from slowing the program down (App Nap),
// while there is work.
type awake struct {
	activity objc.ID
	last     time.Time // when something was last submitted
	timer    *time.Timer
}

// pause is how long after the last work the system may sleep again: longer than a slow command
// takes to come back with more.
const pause = time.Minute

// begin says that there is work.
func (a *awake) begin(d *Device) {
	a.last = time.Now()
	if a.activity != 0 {
		return
	}
	reason := d.newString("kvrun computes on the GPU")
	defer d.api.Release(reason)
	a.activity = d.api.Retain(d.api.BeginActivity(d.api.ProcessInfo(d.runtime.Class("NSProcessInfo")), userInitiated, reason))
	a.timer = time.AfterFunc(pause, func() { a.look(d) })
}

// look ends the activity if there was no work for a while, and otherwise looks again later.
func (a *awake) look(d *Device) {
	d.do(func() error {
		if left := pause - time.Since(a.last); left > 0 && a.timer != nil {
			a.timer.Reset(left)
		} else {
			a.end(d)
		}
		return nil
	})
}

// end lets the system sleep.
func (a *awake) end(d *Device) {
	if a.activity == 0 {
		return
	}
	a.timer.Stop()
	d.api.EndActivity(d.api.ProcessInfo(d.runtime.Class("NSProcessInfo")), a.activity)
	d.api.Release(a.activity)
	a.activity, a.timer = 0, nil
}
