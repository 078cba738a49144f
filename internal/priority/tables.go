package priority

import (
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// coordinator is CISA's SSVC Coordinator table 2.0.3: one letter for each row, t track,
// s track*, a attend, c act. Groups of three are mission impact low, medium, high; groups
// in a line are not automatable and partial, not automatable and total, automatable and
// partial, automatable and total; lines are exploitation none, poc, active.
const coordinator = "" +
	"ttt tts tta tta " +
	"tts tsa tta tsa " +
	"tta tac aac acc "

// SSVC looks up the decision of the CISA Coordinator table 2.0.3. Every value has to be
// known; else ok is false.
func SSVC(exploitation, automatable, technicalImpact, missionImpact Value) (outcome exposure.DecisionOutcome, ok bool) {
	line, ok1 := index(exploitation, None, PoC, Active)
	auto, ok2 := index(automatable, No, Yes)
	impact, ok3 := index(technicalImpact, Partial, Total)
	mission, ok4 := index(missionImpact, Low, Medium, High)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return "", false
	}
	const group, perLine = len("ttt "), 4
	switch coordinator[((line*perLine+auto*2+impact)*group)+mission] {
	case 't':
		return exposure.Track, true
	case 's':
		return exposure.TrackStar, true
	case 'a':
		return exposure.Attend, true
	}
	return exposure.Act, true
}

func index(v Value, values ...Value) (int, bool) {
	for i, each := range values {
		if v == each {
			return i, true
		}
	}
	return 0, false
}

// Timeline is the remediation timeline of CISA's BOD 26-04.
type Timeline string

// The timelines, in rising urgency.
const (
	Upgrade       Timeline = "upgrade" // with the next upgrade of the system
	Days60        Timeline = "60d"
	Days14        Timeline = "14d"
	Days3         Timeline = "3d"
	Days3Forensic Timeline = "3d_forensics" // and look for signs of a compromise
)

func timelines() []Timeline { return []Timeline{Upgrade, Days60, Days14, Days3, Days3Forensic} }

// Rank orders timelines: upgrade 0, …, three days with forensics 4.
func (t Timeline) Rank() int {
	for i, each := range timelines() {
		if t == each {
			return i
		}
	}
	return 0
}

// Length is the time that the timeline gives; none for Upgrade.
func (t Timeline) Length() (time.Duration, bool) {
	const day = 24 * time.Hour
	switch t {
	case Days60:
		return 60 * day, true
	case Days14:
		return 14 * day, true
	case Days3, Days3Forensic:
		return 3 * day, true
	case Upgrade:
	}
	return 0, false
}

// directive is CISA's BOD 26-04 table 1.0.0: one digit for each row, the Rank of its
// timeline. Pairs are technical impact partial, total; pairs of pairs are not automatable,
// automatable; then not publicly exposed, exposed; then not in KEV, in KEV.
const directive = "" +
	"00" + "11" + "12" + "23" +
	"22" + "24" + "24" + "34"

// BOD looks up the timeline of the BOD 26-04 table 1.0.0. Every value has to be known;
// else ok is false.
func BOD(kev, publiclyExposed, automatable, technicalImpact Value) (timeline Timeline, ok bool) {
	row := 0
	for _, bit := range [...]struct{ value, unset, set Value }{
		{kev, No, Yes}, {publiclyExposed, No, Yes}, {automatable, No, Yes}, {technicalImpact, Partial, Total},
	} {
		i, ok := index(bit.value, bit.unset, bit.set)
		if !ok {
			return "", false
		}
		row = row*2 + i
	}
	return timelines()[directive[row]-'0'], true
}
