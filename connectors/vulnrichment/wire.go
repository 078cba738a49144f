package vulnrichment

import "encoding/json"

// record is what is kept of a CVE record: its name, and the metrics of its enrichers.
type record struct {
	Meta struct {
		ID string `json:"cveId"`
	} `json:"cveMetadata"`
	Containers struct {
		ADP []container `json:"adp,omitempty"`
	} `json:"containers"`
}

// container is what one enricher adds.
type container struct {
	Metrics []metric `json:"metrics,omitempty"`
}

type metric struct {
	Other *other `json:"other,omitempty"`
}

type other struct {
	Type    string          `json:"type"`
	Content json.RawMessage `json:"content"`
}

// trimmed keeps the SSVC metrics alone, and reports whether there are any.
func (r *record) trimmed() bool {
	var kept []container
	for _, c := range r.Containers.ADP {
		var metrics []metric
		for _, m := range c.Metrics {
			if m.Other != nil && m.Other.Type == "ssvc" {
				metrics = append(metrics, m)
			}
		}
		if len(metrics) > 0 {
			kept = append(kept, container{metrics})
		}
	}
	r.Containers.ADP = kept
	return len(kept) > 0
}
