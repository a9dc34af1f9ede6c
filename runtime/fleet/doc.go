// Package fleet runs sweeps on many machines. NATS JetStream is the queue.
//
//	coordinator: lab.Sweep -> Offer -> Link.Run      publishes jobs, collects scores in journals
//	worker:      Worker.Run                          takes jobs that fit, runs them, writes scores
//
// A job is up to Part cells on one chunk of a text, with the reference that they are compared
// with. So the reference is run once for them all, as in one process. What a worker must know of a
// sweep is its Manifest, a JSON text whose SHA-256 is the name of the sweep. It holds tokens and
// plans, so that a worker needs nothing but the model, which it knows by its hash. No message holds
// a path.
//
// What lies in JetStream:
//
//	stream kvrun-sweeps   kvrun.sweeps.SWEEP                    an Entry: what a worker must have
//	stream kvrun-jobs     kvrun.jobs.SWEEP.TASK.CHUNK.PART      a lab.Job, until it is acknowledged
//	stream kvrun-scores   kvrun.scores.SWEEP.TASK.CHUNK.CELL    a Score; kvrun.failures... a Failure
//	bucket kvrun-blobs    SWEEP, or the SHA-256 of a file       manifests and models
//
// Jobs and scores are written once: their streams hold one message for a subject and refuse
// another. So a score that two workers found is there once. The second compares its own with it,
// and a difference is a Failure. A job is acknowledged after its scores are written. While a worker
// runs it, the time that the job is lent for is extended; a worker that is dead or cut off stops
// extending it, and the job goes to another.
//
// A coordinator holds no state of its own. What is finished is in the journals, what is not yet
// collected in the stream of scores. It publishes what is missing when it starts, after the server
// was gone, and when nothing has happened for a while. The server refuses what waits already.
//
// Workers judge all that they read: sizes are bounded, JSON is decoded strictly, plans are built
// anew and must be what the coordinator planned. Scores are exact bits, so a sweep is run by one
// back end: workers of others do not take part.
package fleet
