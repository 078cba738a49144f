package upwind

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one Upwind source. There is nothing to set: a detection
// says all that is read of it.
type Config struct{}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs: "Detections of Upwind as JSON: one, a list, or JSON Lines, uploaded or sent to the source's webhook with the source's own secret.",
	Maps: "A detection of a vulnerability is `upwind:<CVE>` where title and description name exactly one, any other is `upwind:<policy>`, or goes by its type and title. The asset is known by Upwind's ID, and by cluster, namespace and name. " +
		"A resource with traffic from the internet, or that Upwind calls internet_facing, faces it. Pods are short-lived. The account's name is a hint to the owner.",
	Fixed:    "Never: which of Upwind's words are said by a check, and which by a person, is not documented publicly, so resolved and closed count as put away.",
	Coverage: "None: detections come as they happen.",
	Limits:   "Upwind's API is not pulled, nor are its inventories and findings of posture read. The words for the state of a detection other than open are not proven by samples.",
	Example: `sources:
  - name: upwind
    connector: upwind
`,
}
