//! A World that starts any service on port 0; journeys, faults, abuse.
