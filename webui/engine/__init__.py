"""The story of a picture: from a resolved request to saved files, told through `emit`. Import from the modules."""
