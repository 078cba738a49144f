package exposure

import (
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// BornInput is what an exposure is made of: the first finding on an asset.
type BornInput struct {
	Asset     asset.Asset
	Finding   Finding
	Source    string
	Run       string
	CheckedAt time.Time // when the check that saw it ran
	At        time.Time // now
	Cause     string
	Actor     Actor
}

// NewExposure makes the exposure of a weakness seen for the first time: tracked, in the
// hands of the store, its chain begun. More findings join it with Refresh. A finding that
// its source says is fixed makes an exposure too, with presence accordingly.
func NewExposure(in BornInput) Exposure {
	at, checked := ms(in.At), ms(in.CheckedAt)
	weakness := WeaknessOf(in.Finding)
	e := Exposure{
		ID:        NewID(in.Asset.BirthID(), weakness, in.Finding.Location),
		Version:   1,
		Mode:      ModeStore,
		State:     Tracked,
		Asset:     in.Asset.ID,
		Birth:     in.Asset.BirthID(),
		Weakness:  weakness,
		Location:  in.Finding.Location,
		Fix:       FixOf(in.Finding),
		FirstSeen: checked,
		OpenedAt:  checked,
		Scopes:    in.Asset.Scopes,
		UpdateAt:  at,
	}
	findings := [1]Finding{in.Finding}
	e = refresh(e, &RefreshInput{Asset: in.Asset, Findings: findings[:], Source: in.Source, Run: in.Run, CheckedAt: checked, At: at})
	if e.FirstSeen.Before(e.OpenedAt) {
		e.OpenedAt = e.FirstSeen
	}
	ev := Event{Exposure: e.ID, Seq: 1, Kind: EventDiscovered, To: Tracked, At: at, CheckedAt: checked,
		Actor: in.Actor, Cause: in.Cause, Reason: "reported by " + in.Source}
	seal(&ev)
	e.LastEvent, e.Head = ev, ev.Hash
	return e
}

// WeaknessOf is the weakness that a finding is about: its CVE when it names exactly one,
// else its scheme-qualified check.
func WeaknessOf(f Finding) string {
	if len(f.CVEs) == 1 {
		return f.CVEs[0]
	}
	return f.Check
}

// FixOf says what mends a finding, so that exposures with one fix share a ticket: an
// upgrade of the package, else whatever mends the weakness.
func FixOf(f Finding) string {
	if f.Package != nil {
		if p := VersionlessPURL(f.Package.PURL); p != "" {
			return "pkg:" + p
		}
		if f.Package.Name != "" {
			return "pkg:" + f.Package.Name
		}
	}
	return WeaknessOf(f)
}

// VersionlessPURL is a package URL without scheme, version, qualifiers and subpath:
// "pkg:npm/%40a/b@1.2?arch=x#y" gives "npm/%40a/b". Empty for what isn't one.
func VersionlessPURL(purl string) string {
	p, ok := strings.CutPrefix(purl, "pkg:")
	if !ok {
		return ""
	}
	p, _, _ = strings.Cut(p, "#")
	p, _, _ = strings.Cut(p, "?")
	// A version follows the last @; one at the start of a name is %40 in a proper purl,
	// but many tools write it plainly: "npm/@scope/name".
	if i := strings.LastIndexByte(p, '@'); i > 0 && p[i-1] != '/' {
		p = p[:i]
	}
	return strings.Trim(p, "/")
}

// addSorted puts a text into a sorted list without repeats, leaving the given list alone.
func addSorted(list []string, s string) []string {
	i, found := slices.BinarySearch(list, s)
	if found || s == "" {
		return list
	}
	return slices.Insert(slices.Clone(list), i, s)
}
