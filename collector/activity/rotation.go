package activity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"slices"
)

// When a key is rotated, people are hashed with the new one from then on, and looked up under the new and the former ones. What
// names nobody (texts of queries, lines that must be known again) keeps the key that it was hashed with first, or it would be read
// and counted once more: the store keeps that key, sealed with the one that is used now.

// After is k as the successor of former keys. One that is k itself is left out.
func (k Key) After(former ...Key) Key {
	k.former = nil
	for _, f := range former {
		if !slices.ContainsFunc(k.All(), func(known Key) bool { return known.ID() == f.ID() }) {
			k.former = append(k.former, f)
		}
	}
	return k
}

// All returns k itself and then the former keys.
func (k Key) All() []Key { return append([]Key{k}, k.former...) }

// FormerOf returns the digests that identify i as a whole under the former keys.
func (k Key) FormerOf(i Identity) (wholes []Digest) {
	for _, f := range k.former {
		whole, _ := f.Actor(i)
		wholes = append(wholes, whole)
	}
	return wholes
}

var errSealed = errors.New("what was sealed with the hash key can't be opened with it")

// Seal returns the secret of another key in a form that k alone opens.
func (k Key) Seal(other Key) ([]byte, error) {
	box, err := k.box()
	if err != nil {
		return nil, err
	}
	return box.Seal(nil, nil, other.secret, nil), nil
}

// Open returns the key that was sealed with k.
func (k Key) Open(sealed []byte) (Key, error) {
	box, err := k.box()
	if err != nil {
		return Key{}, err
	}
	secret, err := box.Open(nil, nil, sealed, nil)
	if err != nil {
		return Key{}, errSealed
	}
	return NewKey(secret), nil
}

// WithTexts is k, except that texts are hashed with another key.
func (k Key) WithTexts(other Key) Key {
	k.texts = other.hashers
	return k
}

// box makes its own nonces.
func (k Key) box() (cipher.AEAD, error) {
	secret := sha256.Sum256(append([]byte("seal:"), k.secret...))
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
