package fakeapi

import (
	"encoding/json"
	"maps"
	"net/http"
)

// Lease returns the spec of a Lease; nil if there is none.
func (s *Server) Lease(namespace, name string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[namespace+"/"+name]
	if l == nil {
		return nil
	}
	return maps.Clone(l["spec"].(map[string]any))
}

// serveLease reads, creates and updates Leases; an update of another version than the present one is a conflict.
func (s *Server) serveLease(w http.ResponseWriter, r *http.Request, namespace, name string) {
	verb := map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update"}[r.Method]
	if !s.allow(w, r, verb, "leases") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var sent map[string]any
	if r.Method != http.MethodGet {
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			Refuse(w, http.StatusBadRequest, "BadRequest", 0)
			return
		}
		if name == "" {
			name = sent["metadata"].(map[string]any)["name"].(string)
		}
	}
	key := namespace + "/" + name
	present := s.leases[key]
	switch {
	case r.Method == http.MethodPost && present != nil:
		Refuse(w, http.StatusConflict, "AlreadyExists", 0)
		return
	case r.Method != http.MethodPost && present == nil:
		Refuse(w, http.StatusNotFound, "NotFound", 0)
		return
	case r.Method == http.MethodPut && versionOf(present) != versionOf(sent):
		Refuse(w, http.StatusConflict, "Conflict", 0)
		return
	case r.Method != http.MethodGet:
		sent["metadata"].(map[string]any)["resourceVersion"] = s.change()
		s.leases[key], present = sent, sent
	}
	answer(w, present)
}

func versionOf(object map[string]any) any {
	return object["metadata"].(map[string]any)["resourceVersion"]
}
