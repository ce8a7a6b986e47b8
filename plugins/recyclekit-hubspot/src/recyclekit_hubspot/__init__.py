"""HubSpot as a recyclekit connector."""
