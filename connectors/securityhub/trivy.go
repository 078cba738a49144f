package securityhub

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// Trivy's template for ASFF has no vulnerability in a finding: what it knows stands among
// the other details of the resource, in words of its own. The resource is the target of
// trivy's result: an image with its system behind it ("shop:3.20 (alpine 3.20)"), a file,
// or one of the aggregates. These are the words.
const (
	trivyCVE      = "CVE ID"
	trivyTitle    = "CVE Title"
	trivyPackage  = "PkgName"
	trivyVersion  = "Installed Package"
	trivyFixed    = "Patched Package"
	trivyMessage  = "Message"
	trivyFile     = "Filename"
	trivyFoundOne = "Trivy found a secret in "
)

// aggregates are the targets that stand for all packages of a language, wherever they
// lie.
var aggregates = []string{"Java", "Node.js", "Python", "Ruby", "Conda"} //nolint:gochecknoglobals // a constant table

// ofTrivy reports whether trivy's template wrote a finding.
func (f *wireFinding) ofTrivy() bool {
	return strings.EqualFold(f.Fields["Product Name"].String(), "trivy")
}

// imageOf takes the system off a target.
func imageOf(target string) (image, system string) {
	image, system, ok := strings.Cut(target, " (")
	if !ok || !strings.HasSuffix(system, ")") {
		return target, ""
	}
	return image, strings.TrimSuffix(system, ")")
}

// trivy makes of a resource's details what trivy's JSON report would say: the same
// weakness at the same place. Nil where there are no such details.
func (f *wireFinding) trivy(base *exposure.Finding, r *wireResource) *exposure.Finding {
	other := r.Details.Other
	switch {
	case other[trivyCVE].String() != "":
		return vulnerable(base, r)
	case !f.ofTrivy() || other[trivyFile].String() == "":
		return nil
	}
	at := *base
	at.Location = connectors.Ident(other[trivyFile].String())
	at.Evidence = connectors.Redact(other[trivyMessage].String())
	if title, secret := strings.CutPrefix(f.Title.String(), trivyFoundOne+r.ID.String()+": "); secret {
		// The rule has no name here but its title, and a file may hold secrets of many.
		at.Class, at.Check = exposure.ClassSecret, Name+":Trivy/"+connectors.Ident(title)
	}
	at.UID = connectors.UID(base.UID, at.Check, at.Location)
	return &at
}

func vulnerable(base *exposure.Finding, r *wireResource) *exposure.Finding {
	other, target := r.Details.Other, r.ID.String()
	v := &wireVulnerability{ID: other[trivyCVE]}
	for _, version := range []string{"3", "2"} {
		if vector := other["NvdCvssVectorV"+version]; vector != "" {
			score, _ := strconv.ParseFloat(other["NvdCvssScoreV"+version].String(), 64) // without one, the vector stands
			v.CVSS = append(v.CVSS, wireCVSS{Vector: vector, Score: wire.Number{Value: score, OK: true}, Source: "nvd"})
		}
	}
	at := vulnerability(base, v)
	at.Class, at.Title = exposure.ClassVulnerability, cmp.Or(other[trivyTitle].String(), base.Title)
	p := &exposure.Package{Name: other[trivyPackage].String(), Version: other[trivyVersion].String(), FixedIn: other[trivyFixed].String()}
	image, system := imageOf(target)
	ecosystem := system
	switch {
	case system != "":
	case slices.Contains(aggregates, target): // which of the files, nobody says
		ecosystem = target
	default:
		ecosystem, p.Path = connectors.BinaryEcosystem(target, p.Name), target
	}
	if p.Name != "" {
		p.PURL = connectors.PURL(ecosystem, p.Name, p.Version)
		at.Package, at.Location = p, connectors.PackageLocation(p)
		if p.FixedIn != "" {
			at.Remediation = strings.TrimSpace("Update " + p.Name + " to " + p.FixedIn + ".\n\n" + base.Remediation)
		}
	}
	// The finding's own ID is the same for all packages that one vulnerability is in, and
	// another one when the image's system is updated.
	at.UID = connectors.UID(connectors.Ident(image), at.Check, at.Location)
	return at
}
