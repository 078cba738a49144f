package kubescape

import "github.com/quellsec/quell/connectors/wire"

// The objects of kubescape's JSON, format version 2.

// control is one of "summaryDetails.controls".
type control struct {
	Name     wire.Text   `json:"name"`
	Factor   wire.Number `json:"scoreFactor"`
	Status   status      `json:"statusInfo"`
	Category struct {
		Name wire.Text `json:"name"`
	} `json:"category"`
}

type status struct {
	Status wire.Text `json:"status"`
	Sub    wire.Text `json:"subStatus"`
	Info   wire.Text `json:"info"`
}

// resource is one of "resources".
type resource struct {
	ID     wire.Text `json:"resourceID"`
	Object object    `json:"object"`
	Source struct {
		Relative wire.Text `json:"relativePath"`
		Path     wire.Text `json:"path"`
	} `json:"source"`
}

type object struct {
	Kind      wire.Text `json:"kind"`
	Name      wire.Text `json:"name"`      // of what is no Kubernetes object: a user, a cloud's cluster
	Namespace wire.Text `json:"namespace"` // likewise
	Metadata  struct {
		Name      wire.Text            `json:"name"`
		Namespace wire.Text            `json:"namespace"`
		Labels    map[string]wire.Text `json:"labels"`
	} `json:"metadata"`
}

// result is what the controls came to on one resource.
type result struct {
	ID       wire.Text                 `json:"resourceID"`
	Controls wire.List[resourceResult] `json:"controls"`
}

type resourceResult struct {
	ID       wire.Text       `json:"controlID"`
	Name     wire.Text       `json:"name"`
	Severity wire.Text       `json:"severity"`
	Status   status          `json:"status"`
	Rules    wire.List[rule] `json:"rules"`
}

type rule struct {
	Name      wire.Text       `json:"name"`
	Status    wire.Text       `json:"status"`
	Sub       wire.Text       `json:"subStatus"`
	Paths     wire.List[path] `json:"paths"`
	Exception wire.List[struct {
		Name   wire.Text `json:"name"`
		Reason wire.Text `json:"reason"`
	}] `json:"exception"`
}

// path is where a resource fails a rule, or what would mend it.
type path struct {
	Failed wire.Text `json:"failedPath"`
	Review wire.Text `json:"reviewPath"`
	Delete wire.Text `json:"deletePath"`
	Fix    struct {
		Path  wire.Text `json:"path"`
		Value wire.Text `json:"value"`
	} `json:"fixPath"`
}

type metadata struct {
	Target struct {
		Repo    repoContext `json:"repoContextMetadata"`
		GitRepo repoContext `json:"gitRepoContextMetadata"`
		Cluster struct {
			Context wire.Text `json:"contextName"`
		} `json:"clusterContextMetadata"`
	} `json:"targetMetadata"`
	Scan struct {
		Version wire.Text `json:"kubescapeVersion"`
	} `json:"scanMetadata"`
}

type repoContext struct {
	Provider wire.Text `json:"provider"`
	Repo     wire.Text `json:"repo"`
	Owner    wire.Text `json:"owner"`
	Remote   wire.Text `json:"remoteURL"`
}
