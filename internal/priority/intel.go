package priority

import (
	"strings"
	"time"
)

// Intel is the intelligence that decisions are made with, as loaded at one time. Any part
// may be nil. It is immutable; the zero Intel is none.
type Intel struct {
	kev      *KEV
	kevTaken time.Time
	epss     *EPSS
	assessed *Assessed
	nvd      *NVD
	digest   string
}

// NewIntel joins the parts. KEVTaken is when the KEV catalogue was loaded or last found
// unchanged: its freshness counts from then.
func NewIntel(kev *KEV, kevTaken time.Time, epss *EPSS, assessed *Assessed) Intel {
	i := Intel{kev: kev, kevTaken: kevTaken, epss: epss, assessed: assessed}
	if kev == nil {
		i.kevTaken = time.Time{}
	}
	if kev != nil || epss != nil || assessed != nil {
		i.digest = hashOf([]byte(strings.Join([]string{kev.Digest(), epss.Digest(), assessed.Digest()}, "|")))
	}
	return i
}

// WithNVD adds what the NVD says.
func (i Intel) WithNVD(n *NVD) Intel {
	if n != nil {
		i.nvd = n
		i.digest = hashOf([]byte(i.digest + "|nvd|" + n.Digest()))
	}
	return i
}

// NVD gives what the National Vulnerability Database says; nil where it isn't loaded.
func (i Intel) NVD() *NVD { return i.nvd }

// KEV gives the catalogue and when it was loaded; nil where there is none.
func (i Intel) KEV() (*KEV, time.Time) { return i.kev, i.kevTaken }

// EPSS gives the scores; nil where there are none.
func (i Intel) EPSS() *EPSS { return i.epss }

// Assessed gives the decision points of CISA's Vulnrichment; nil where there are none.
func (i Intel) Assessed() *Assessed { return i.assessed }

// Digest names the snapshot; empty where nothing is loaded. When it was loaded is no part
// of it.
func (i Intel) Digest() string { return i.digest }

// Notices say what is amiss with the intelligence, for those who can mend it.
func (i Intel) Notices(policy Policy, at time.Time) []string {
	var notices []string
	d := Decider{policy: policy}
	switch f := d.freshness(&Inputs{KEVTaken: i.kevTaken}, at); f {
	case noSnapshot, staleSnapshot:
		notices = append(notices, d.held(f))
	case freshSnapshot:
	}
	// Loading an old file is the operator's word that it is the newest to be had, as on a
	// network without a way out. It is taken, but not in silence.
	const old = 30 * 24 * time.Hour
	if i.kev != nil && i.kevTaken.Sub(i.kev.Released) > old {
		notices = append(notices, "the KEV catalogue "+i.kev.Version+" was released on "+i.kev.Released.Format(day)+
			", long before it was loaded: what was added since counts as not exploited")
	}
	if i.epss == nil {
		notices = append(notices, "no EPSS scores are loaded: run quell intel import with FIRST's epss_scores CSV")
	}
	return notices
}
