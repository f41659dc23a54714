// Anchors the library until its first source lands.
