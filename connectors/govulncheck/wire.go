package govulncheck

import "github.com/quellsec/quell/connectors/wire"

// message is one of the stream, in which one field is set.
type message struct {
	Config   *config   `json:"config"`
	Progress *progress `json:"progress"`
	SBOM     *sbom     `json:"SBOM"`
	OSV      *entry    `json:"osv"`
	Finding  *finding  `json:"finding"`

	Vulns wire.List[oldVuln] `json:"Vulns"` // of versions before 1.0, which write one object
	Calls *struct{}          `json:"Calls"`
}

type config struct {
	Protocol  wire.Text `json:"protocol_version"`
	Scanner   wire.Text `json:"scanner_name"`
	Version   wire.Text `json:"scanner_version"`
	DB        wire.Text `json:"db"`
	GoVersion wire.Text `json:"go_version"`
	Level     wire.Text `json:"scan_level"`
	Mode      wire.Text `json:"scan_mode"`
}

type progress struct {
	Message wire.Text `json:"message"`
}

type sbom struct {
	Roots wire.Texts `json:"roots"`
}

// entry is an advisory in the OSV format.
type entry struct {
	ID         wire.Text           `json:"id"`
	Aliases    wire.Texts          `json:"aliases"`
	Summary    wire.Text           `json:"summary"`
	Details    wire.Text           `json:"details"`
	Withdrawn  wire.Text           `json:"withdrawn"`
	References wire.List[link]     `json:"references"`
	Affected   wire.List[affected] `json:"affected"`
	Database   struct {
		URL wire.Text `json:"url"`
	} `json:"database_specific"`
}

type link struct {
	URL wire.Text `json:"url"`
}

type affected struct {
	Package struct {
		Name wire.Text `json:"name"`
	} `json:"package"`
	Ranges wire.List[struct {
		Events wire.List[struct {
			Fixed wire.Text `json:"fixed"`
		}] `json:"events"`
	}] `json:"ranges"`
}

// finding is one way to a vulnerability: from its symbol, package or module, which comes
// first, to the code that was scanned.
type finding struct {
	OSV   wire.Text        `json:"osv"`
	Fixed wire.Text        `json:"fixed_version"`
	Trace wire.List[frame] `json:"trace"`
}

type frame struct {
	Module   wire.Text `json:"module"`
	Version  wire.Text `json:"version"`
	Package  wire.Text `json:"package"`
	Function wire.Text `json:"function"`
	Receiver wire.Text `json:"receiver"`
}

// oldVuln is one of the "Vulns" of versions before 1.0. A sink of 0 means that nothing
// leads there.
type oldVuln struct {
	OSV     entry       `json:"OSV"`
	Symbol  wire.Text   `json:"Symbol"`
	Package wire.Text   `json:"PkgPath"`
	Module  wire.Text   `json:"ModPath"`
	Call    wire.Number `json:"CallSink"`
	Import  wire.Number `json:"ImportSink"`
}
