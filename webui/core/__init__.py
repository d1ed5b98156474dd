"""The types that flow through the house: request → job → events → record. Everybody imports these; they import nobody."""
