package ingest

// Sized makes batches and memory small, so that short reports have many batches and are
// forgotten half-way.
func (p *Pipeline) Sized(batch, known int) *Pipeline {
	p.batch, p.known = batch, known
	return p
}
