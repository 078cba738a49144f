package api

import "net/http"

// chatRoutes are where a chat calls: what comes in is checked, stored and answered by
// api/chatops, which a notifier that is a chat brings along.
func chatRoutes() []route {
	chat := func(path, name, summary, doc string) route {
		return route{method: http.MethodPost, path: path, name: name, tag: "chat", summary: summary, doc: doc + " Authenticated by Slack's own signature over the raw body.",
			access: open(), body: &upload{types: []string{"application/x-www-form-urlencoded", "application/json"}, doc: "The body as Slack sends it."},
			outType: jsonType, handle: (*Server).chat}
	}
	return []route{
		chat("/slack/commands", "slackCommand", "Take a slash command", "Answered within three seconds, or later through its response URL."),
		chat("/slack/interactions", "slackInteraction", "Take a press of a button, or a form", "What somebody decides is stored before the answer, and a repeated call is one decision."),
		chat("/slack/events", "slackEvent", "Take an event", "The app home is drawn anew when somebody opens it."),
	}
}

// chat gives a call to the chat that is configured.
func (s *Server) chat(c *call) error {
	if s.deps.Chat == nil {
		return refusedHook()
	}
	s.deps.Chat.ServeHTTP(c.Response(), c.Request())
	return nil
}
