"""What tests share: tiny models and hostile pictures."""
