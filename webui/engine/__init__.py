"""The engine process: several jobs side by side on one device. Import from the modules."""
