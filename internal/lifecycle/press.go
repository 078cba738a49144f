package lifecycle

import "time"

// PressStatus is how far a press has come.
type PressStatus string

// The press statuses.
const (
	PressReceived PressStatus = "received" // stored, and acknowledged
	PressDecided  PressStatus = "decided"  // carried out; who pressed has not been told yet
	PressAnswered PressStatus = "answered" // told, or about to be: nobody else tells it
)

// Press is something that somebody decided in a chat: a button, a form that was sent off,
// a command. It is stored before it is acknowledged, and carried out afterwards by
// whoever comes to it.
type Press struct {
	ID         string      `json:"id"` // the chat's own, so that a repeated call is the same press
	Version    int64       `json:"version"`
	Chat       string      `json:"chat"`           // name of the configured notifier
	Body       []byte      `json:"body,omitempty"` // what was pressed; gone once it is answered
	Status     PressStatus `json:"status"`
	Result     string      `json:"result,omitempty"` // what happened, in words
	Attempts   int         `json:"attempts,omitempty"`
	ReceivedAt time.Time   `json:"received_at"`
	NextAt     time.Time   `json:"next_at,omitzero"` // when the sweep may take it up; zero: nothing is left to do
	AnsweredAt time.Time   `json:"answered_at,omitzero"`
}
