package orca

import "github.com/quellsec/quell/connectors/wire"

// wireAlert is an alert of the API, or of the export, which has the names in capitals.
type wireAlert struct {
	Type       wire.Text  `json:"type"`
	TypeText   wire.Text  `json:"type_string"`
	RuleID     wire.Text  `json:"rule_id"`
	Category   wire.Text  `json:"category"`
	Labels     wire.Texts `json:"alert_labels"`
	Detail     wire.Text  `json:"details"`
	Text       wire.Text  `json:"description"`
	Advice     wire.Text  `json:"recommendation"`
	Source     wire.Text  `json:"source"` // of the export too
	Compliance wire.Texts `json:"related_compliances"`
	State      *struct {
		ID           wire.Text   `json:"alert_id"`
		Status       wire.Text   `json:"status"`
		Risk         wire.Text   `json:"risk_level"`
		Severity     wire.Text   `json:"severity"`
		Score        wire.Number `json:"orca_score"`
		Verification wire.Flag   `json:"in_verification"`
		Created      wire.Time   `json:"created_at"`
		Seen         wire.Time   `json:"last_seen"`
		Updated      wire.Time   `json:"last_updated"`
		Changed      wire.Time   `json:"status_time"`
	} `json:"state"`
	AssetID     wire.Text  `json:"asset_unique_id"`
	AssetName   wire.Text  `json:"asset_name"`
	AssetType   wire.Text  `json:"asset_type_string"`
	AssetState  wire.Text  `json:"asset_state"`
	VendorID    wire.Text  `json:"asset_vendor_id"`
	Regions     wire.Texts `json:"asset_regions"`
	Tags        wire.Texts `json:"asset_tags_info_list"` // "key|value"
	Units       wire.Texts `json:"business_units"`
	Provider    wire.Text  `json:"cloud_provider"`
	Account     wire.Text  `json:"cloud_vendor_id"`
	AccountName wire.Text  `json:"account_name"`

	// Of the export.
	Title        wire.Text   `json:"Title"`
	ExportLabels wire.Texts  `json:"Labels"`
	Created      wire.Time   `json:"CreatedAt"`
	Status       wire.Text   `json:"Status"`
	Score        wire.Number `json:"OrcaScore"`
	Seen         wire.Time   `json:"LastSeen"`
	CloudAccount struct {
		Name wire.Text `json:"Name"`
	} `json:"CloudAccount"`
	Inventory struct {
		Name wire.Text `json:"Name"`
	} `json:"Inventory"`
}
