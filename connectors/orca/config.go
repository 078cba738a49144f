package orca

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one Orca source. There is nothing to set: an export says
// all that is read of it.
type Config struct{}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs: "Alerts of Orca as files or sent to the source's webhook: an alert of the API or of a webhook integration, a list of them, an answer with `data`, or the JSON or CSV export of alerts.",
	Maps: "An alert is `orca:<type>` on its asset, with `state.alert_id` as UID; an export without types goes by the title. Alerts that name a CVE are vulnerabilities; malware and suspicious activity are detections; the rest is compliance. " +
		"Assets are known by their provider's name and by Orca's own ID. Of a source file the line is no part of identity. Tags that name somebody, business units and the account's name are hints to the owner.",
	Fixed:    "`closed`, unless a verification is still going on (`in_verification`): Orca closes what its next scan no longer sees. Where the asset's state is terminated or deleted, the asset is gone. Dismissed and snoozed are opinions.",
	Coverage: "None: an export is as it was filtered.",
	Limits:   "Orca's API is not pulled. That a person's closing is verified by a scan is Orca's description of `in_verification`, and not proven by samples. Exports without an alert's ID are told apart by title, source and account. The columns of the CSV are those of the JSON export.",
	Example: `sources:
  - name: orca
    connector: orca
`,
}
