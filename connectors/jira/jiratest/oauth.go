package jiratest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

type oauthKey struct{}

// site serves a site's API as api.atlassian.com does: below /ex/jira/{cloud ID}, to access
// tokens alone.
func (s *Server) site() http.Handler {
	api := s.api()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		good := s.sessions > 0 && r.Header.Get("Authorization") == "Bearer "+s.access()
		s.mu.Unlock()
		if !good {
			write(w, http.StatusUnauthorized, map[string]any{"code": 401, "message": "Unauthorized"})
			return
		}
		http.StripPrefix("/ex/jira/"+r.PathValue("cloud"), api).ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), oauthKey{}, true)))
	})
}

func (s *Server) access() string { return fmt.Sprintf("access-%d", s.sessions) }

// Refresh gives the refresh token that is good now.
func (s *Server) Refresh() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refreshToken()
}

func (s *Server) refreshToken() string {
	if s.refresh == "" {
		s.refresh = "refresh-0"
	}
	return s.refresh
}

// token gives access tokens. A refresh token is changed at each use
// (developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := r.ParseForm(); err != nil || s.o.Token == "" || r.PostForm.Get("client_secret") != s.o.Token {
		write(w, http.StatusUnauthorized, map[string]string{"error": "access_denied", "error_description": "Unauthorized"})
		return
	}
	out := map[string]any{"token_type": "Bearer", "expires_in": 3600, "scope": "read:jira-work write:jira-work"}
	switch grant := r.PostForm.Get("grant_type"); {
	case grant == "client_credentials":
	case grant == "refresh_token" && strings.TrimSpace(r.PostForm.Get("refresh_token")) == s.refreshToken():
		s.refresh = fmt.Sprintf("refresh-%d", s.sessions+1)
		out["refresh_token"] = s.refresh
	default:
		write(w, http.StatusForbidden, map[string]string{"error": "unauthorized_client", "error_description": "refresh_token is invalid"})
		return
	}
	s.sessions++
	out["access_token"] = s.access()
	write(w, http.StatusOK, out)
}
