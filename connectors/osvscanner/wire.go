package osvscanner

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// source is where packages were found: a lock file, an SBOM, a directory under git, the
// packages of a system.
type source struct {
	Path wire.Text `json:"path"`
	Type wire.Text `json:"type"`
}

// found is one package with its vulnerabilities.
type found struct {
	Package struct {
		Name      wire.Text `json:"name"`
		Version   wire.Text `json:"version"`
		Ecosystem wire.Text `json:"ecosystem"`
		Commit    wire.Text `json:"commit"`
	} `json:"package"`
	DependencyGroups wire.Texts               `json:"dependency_groups"`
	Vulnerabilities  wire.List[vulnerability] `json:"vulnerabilities"`
	Groups           wire.List[group]         `json:"groups"`
}

// group are the advisories that are about one vulnerability.
type group struct {
	IDs      wire.Texts             `json:"ids"`
	Aliases  wire.Texts             `json:"aliases"`
	Max      wire.Text              `json:"max_severity"`
	Analysis map[string]callability `json:"experimentalAnalysis"`
}

type callability struct {
	Called *wire.Flag `json:"called"`
}

// vulnerability is an advisory in the OSV format.
type vulnerability struct {
	ID         wire.Text           `json:"id"`
	Aliases    wire.Texts          `json:"aliases"`
	Summary    wire.Text           `json:"summary"`
	Details    wire.Text           `json:"details"`
	Published  wire.Text           `json:"published"`
	Withdrawn  wire.Text           `json:"withdrawn"`
	Severity   wire.List[score]    `json:"severity"`
	Affected   wire.List[affected] `json:"affected"`
	References wire.List[link]     `json:"references"`
	Database   databaseSpecific    `json:"database_specific"`
}

type score struct {
	Type  wire.Text `json:"type"`
	Score wire.Text `json:"score"`
}

type link struct {
	URL wire.Text `json:"url"`
}

type affected struct {
	Package struct {
		Name      wire.Text `json:"name"`
		Ecosystem wire.Text `json:"ecosystem"`
		PURL      wire.Text `json:"purl"`
	} `json:"package"`
	Ranges wire.List[struct {
		Events wire.List[struct {
			Fixed wire.Text `json:"fixed"`
		}] `json:"events"`
	}] `json:"ranges"`
	Database databaseSpecific `json:"database_specific"`
}

type databaseSpecific struct {
	Severity wire.Text       `json:"severity"`
	CWEIDs   wire.Texts      `json:"cwe_ids"`
	CWEs     json.RawMessage `json:"cwes"`
}

// weaknesses are the CWE numbers, which are objects in some databases.
func (d *databaseSpecific) weaknesses() []string {
	out := []string(d.CWEIDs)
	var objects wire.List[struct {
		ID wire.Text `json:"cweId"`
	}]
	if len(d.CWEs) > 0 && wire.Unmarshal(d.CWEs, &objects) {
		for _, o := range objects {
			out = append(out, o.ID.String())
		}
	}
	return out
}
