package gcpasset

import (
	"github.com/quellsec/quell/connectors/wire"
)

// wireResult is a result of both searches: one has a name, the other a resource and a
// policy.
type wireResult struct {
	Name        wire.Text      `json:"name"`
	Resource    wire.Text      `json:"resource"`
	AssetType   wire.Text      `json:"assetType"`
	Project     wire.Text      `json:"project"`
	DisplayName wire.Text      `json:"displayName"`
	Location    wire.Text      `json:"location"`
	Labels      map[string]any `json:"labels"`
	NetworkTags wire.Texts     `json:"networkTags"`
	State       wire.Text      `json:"state"`
	Updated     wire.Time      `json:"updateTime"`
	ParentName  wire.Text      `json:"parentFullResourceName"`
	Additional  struct {
		External wire.Texts `json:"externalIPs"`
		Internal wire.Texts `json:"internalIPs"`
		OS       wire.Text  `json:"osLongName"`
	} `json:"additionalAttributes"`
	Policy struct {
		Bindings wire.List[wireBinding] `json:"bindings"`
	} `json:"policy"`
}

type wireBinding struct {
	Role    wire.Text  `json:"role"`
	Members wire.Texts `json:"members"`
}

// wireScan is a configuration of Web Security Scanner.
type wireScan struct {
	Name    wire.Text  `json:"name"`
	Display wire.Text  `json:"displayName"`
	URLs    wire.Texts `json:"startingUrls"`
}

// wireRun is one scan.
type wireRun struct {
	Name     wire.Text       `json:"name"`
	State    wire.Text       `json:"executionState"`
	Result   wire.Text       `json:"resultState"`
	Started  wire.Time       `json:"startTime"`
	Ended    wire.Time       `json:"endTime"`
	Warnings wire.List[any]  `json:"warningTraces"`
	Error    *map[string]any `json:"errorTrace"`
}

// wireFinding is what a scan found.
type wireFinding struct {
	Name        wire.Text `json:"name"`
	Type        wire.Text `json:"findingType"`
	Severity    wire.Text `json:"severity"`
	Method      wire.Text `json:"httpMethod"`
	Fuzzed      wire.Text `json:"fuzzedUrl"`
	Final       wire.Text `json:"finalUrl"`
	Description wire.Text `json:"description"`
	Reproduce   wire.Text `json:"reproductionUrl"`
	Tracking    wire.Text `json:"trackingId"`
	Library     struct {
		Name    wire.Text  `json:"libraryName"`
		Version wire.Text  `json:"version"`
		More    wire.Texts `json:"learnMoreUrls"`
	} `json:"outdatedLibrary"`
}
